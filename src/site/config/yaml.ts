import { parseDocument } from 'yaml';

/**
 * Reads a YAML text that is a mapping.
 *
 * @throws Error in one line, with the place of what is wrong
 */
export function readYaml(text: string): Record<string, unknown> {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem?.code === 'MULTIPLE_DOCS') {
    throw new Error(`${placeOf(problem.message)}a second document (---) begins here`);
  }
  // Behind the first line stands the part of the text that is meant.
  if (problem !== undefined) throw new Error(problem.message.split('\n')[0]!.replace(/:$/, ''));
  const value = document.toJS() as unknown;
  if (isMapping(value)) return value;
  throw new Error(value === null ? 'it is empty' : 'it must be a mapping of options to values');
}

/** Whether a value of YAML is a mapping, and neither a list, a scalar nor nothing. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function placeOf(message: string): string {
  const place = /at (line \d+, column \d+)/.exec(message)?.[1];
  return place === undefined ? '' : `${place}: `;
}
