/** Draws a block of lines over the one it drew before, and leaves the last one standing. */
export interface LiveBlock {
  draw(lines: readonly string[]): void;
  /** Shows the cursor again; what was drawn last stays. Further calls do nothing. */
  end(): void;
}

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
// Terminals that know it show each frame at once, others ignore it.
const BEGIN_FRAME = '\x1b[?2026h';
const END_FRAME = '\x1b[?2026l';
const CLEAR_LINE = '\x1b[2K';
const CLEAR_BELOW = '\x1b[J';

/** For a terminal. Also shows the cursor again when the process ends some other way. */
export function startLiveBlock(stream: Pick<NodeJS.WriteStream, 'write'>): LiveBlock {
  let drawn = 0;
  let last = '';
  let ended = false;
  const showCursor = (): void => {
    stream.write(SHOW_CURSOR);
  };
  process.once('exit', showCursor);
  stream.write(HIDE_CURSOR);
  return {
    draw(lines) {
      const text = lines.map((line) => `${CLEAR_LINE}${line}\n`).join('');
      if (ended || text === last) return;
      const up = drawn === 0 ? '' : `\x1b[${drawn}A`;
      stream.write(`${BEGIN_FRAME}${up}\r${text}${CLEAR_BELOW}${END_FRAME}`);
      drawn = lines.length;
      last = text;
    },
    end() {
      if (ended) return;
      ended = true;
      process.off('exit', showCursor);
      showCursor();
    },
  };
}
