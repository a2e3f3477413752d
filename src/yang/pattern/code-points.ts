/** The last code point that PostgreSQL's and our text can hold. */
const LAST = 0x10ffff;

/** All code points that match a regular expression of one character, as ranges; without U+0000. */
export function codePointsOf(expression: RegExp): [number, number][] {
  const ranges: [number, number][] = [];
  let open: [number, number] | undefined;
  for (let code = 1; code <= LAST; code++) {
    if (code === 0xd800) code = 0xe000;
    if (!expression.test(String.fromCodePoint(code))) {
      open = undefined;
    } else if (open === undefined) {
      open = [code, code];
      ranges.push(open);
    } else open[1] = code;
  }
  return ranges;
}
