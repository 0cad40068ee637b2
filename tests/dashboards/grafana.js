// Answers each question, a line of JSON { panel, backEnd, answers }, with a line: what the panel shows
// (panels.js), { seen }, or { error }.
const readline = require('readline');
const { look } = require('./panels.js');

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = { seen: await look(JSON.parse(line)) };
    } catch (error) {
      answer = { error: error.stack };
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
}

main();
