import { join } from 'node:path';
import { ROOT } from './root.ts';

/**
 * Arguments of `node` that run one of the project's programs: as `npm test` has just built it, and says so, or from its
 * sources.
 *
 * @param source path of its main module, from the project's folder
 */
export function program(source: string): string[] {
  if (process.env['SYNCLINE_BUILT'] !== 'true') return fromSources(source);
  return [join(ROOT, 'dist', source.replace(/\.ts$/, '.js'))];
}

/**
 * The same from its sources, which are compiled at every start: that takes two CPU seconds.
 *
 * @param imports URLs of modules that are loaded before it
 */
export function fromSources(source: string, imports: readonly string[] = []): string[] {
  return [...['tsx', ...imports].flatMap((url) => ['--import', url]), join(ROOT, source)];
}
