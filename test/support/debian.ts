import { spawnSync } from 'node:child_process';

/**
 * Installs a Debian package; only root can. `npm test` has installed what the tests need: this is for a test that is
 * run by itself, perhaps next to another one that installs.
 */
export function installPackage(name: string): void {
  spawnSync('apt-get', ['update', '-q'], { stdio: 'inherit' });
  const install = ['install', '-qy', '--no-install-recommends', name];
  spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...install], { stdio: 'inherit' });
}
