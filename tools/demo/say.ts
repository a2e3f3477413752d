const tty = process.stdout.isTTY;
const style = (code: number, text: string): string => (tty ? `\x1b[${code}m${text}\x1b[0m` : text);

let step = 0;

/** A new part of the story. */
export function heading(text: string): void {
  step += 1;
  console.log(`\n${style(1, `${step}. ${text}`)}`);
}

/** A command that the reader could have typed. */
export function command(text: string): void {
  console.log(style(36, `   $ ${text}`));
}

/** What happened. */
export function say(text: string): void {
  console.log(
    text
      .trimEnd()
      .split('\n')
      .map((line) => `   ${line}`)
      .join('\n'),
  );
}

/** Something that had to be so, and is, or is not. */
export function verdict(good: boolean, text: string): void {
  say(`${good ? style(32, '✔') : style(31, '✘')} ${text}`);
}
