// Package bubbletea stands in for the terminal framework of the same name: nothing of it but the
// names that its commands leave on a stack, as in bubbletea.(*Program).handleCommands.func1.1.
package tea

// Program runs commands.
type Program struct{ started int }

// NewProgram returns a program that has run nothing.
func NewProgram() *Program { return &Program{} }

// Run starts each command in a goroutine of its own and does not wait for it.
func (p *Program) Run(commands []func()) {
	queue := make(chan func())
	handled := p.handleCommands(queue)
	for _, command := range commands {
		queue <- command
	}
	close(queue)
	<-handled
}

// handleCommands starts what comes in until the queue is closed.
func (p *Program) handleCommands(queue <-chan func()) <-chan struct{} {
	handled := make(chan struct{})
	go func() {
		defer close(handled)
		for command := range queue {
			command := command
			p.started++
			go func() { command() }()
		}
	}()
	return handled
}
