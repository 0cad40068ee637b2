/* Lines that straddle two chunks; see line_reader.h for the rest. */
#include "common/line_reader.h"

void line_reader_init(struct line_reader *reader) {
  reader->carried = 0;
}

void line_reader_carry(struct line_reader *reader, struct span part) {
  if (reader->carried < LINE_READER_MAX && part.len > 0) {
    size_t room = LINE_READER_MAX - reader->carried;
    memcpy(reader->carry + reader->carried, part.at, part.len < room ? part.len : room);
  }
  reader->carried += part.len;
}

struct line line_reader_join(struct line_reader *reader, struct span rest) {
  line_reader_carry(reader, rest);
  struct line line = line_reader_cut(reader->carry, reader->carried);
  reader->carried = 0;
  return line;
}
