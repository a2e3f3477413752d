import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/cli/package-root.ts';
import { TcpProxy } from '../../test/support/tcp-proxy.ts';
import { freePorts } from './cli.ts';
import { command, heading, say } from './say.ts';
import { DemoSite, short } from './site.ts';

export const ZONE = 'example.net.';

/** Two sites whose links to each other go through proxies, so that the network can be cut. */
export interface Demo {
  ber: DemoSite;
  muc: DemoSite;
  /** Where the agents really listen. */
  addresses: { ber: string; muc: string };
  network: { cut(): void; heal(): void; close(): Promise<void> };
}

/** Where the demonstration's sites are if nothing else is said. */
export const DEFAULT_ROOT = join(packageRoot('.syncline'), 'demo');

/** The file by which a folder is known as the demonstration's, which removes the sites in it. */
const MARK = 'DEMO';

/** Ends the program where the folder has anything that the demonstration did not make. */
function claim(root: string): void {
  const used = existsSync(root) && readdirSync(root).length > 0;
  if (used && root !== DEFAULT_ROOT && !existsSync(join(root, MARK))) {
    console.error(`"${root}" has files that this demonstration did not make, and it would remove them.
  hint: name an empty or a new folder: npm start -- --dir FOLDER`);
    process.exit(1);
  }
  mkdirSync(root, { recursive: true });
  writeFileSync(
    join(root, MARK),
    'Sites that `npm start` makes, and removes when it runs again.\n',
  );
}

/** Makes both sites: the first from nothing with an imported zone, the second as its copy. */
export async function setUp(root: string): Promise<Demo> {
  const ber = new DemoSite('ber', join(root, 'ber'));
  const muc = new DemoSite('muc', join(root, 'muc'));
  claim(root);
  await ber.remove();
  await muc.remove();
  const [berLink, mucLink, berDatabase, mucDatabase] = (await freePorts(4)) as [
    number,
    number,
    number,
    number,
  ];
  const proxies = [
    await TcpProxy.start({ host: '127.0.0.1', port: berLink }),
    await TcpProxy.start({ host: '127.0.0.1', port: mucLink }),
  ] as const;
  const place = (link: number, database: number, proxy: TcpProxy): string[] => [
    ...['--listen', `127.0.0.1:${link}`, '--address', proxy.address],
    ...['--database-port', String(database)],
  ];
  await firstSite(ber, place(berLink, berDatabase, proxies[0]));
  await secondSite(ber, muc, place(mucLink, mucDatabase, proxies[1]));
  await Promise.all([ber.connect(), muc.connect()]);
  return {
    ...{ ber, muc },
    addresses: { ber: `127.0.0.1:${berLink}`, muc: `127.0.0.1:${mucLink}` },
    network: {
      cut: () => proxies.forEach((proxy) => proxy.set('cut')),
      heal: () => proxies.forEach((proxy) => proxy.set('open')),
      close: async () => {
        await Promise.all(proxies.map((proxy) => proxy.close()));
      },
    },
  };
}

async function firstSite(ber: DemoSite, place: string[]): Promise<void> {
  heading('The first site, with PostgreSQL of its own, and a real zone in it');
  await ber.run('init', '--site', 'ber', '--model', 'dns', ...place);
  await ber.run('up', '--detach');
  const file = packageRoot('models', 'dns', 'data', 'example.net.zone');
  say(await ber.run('import', 'zone', file));
}

async function secondSite(ber: DemoSite, muc: DemoSite, place: string[]): Promise<void> {
  heading('The second site joins, with a copy of everything');
  const file = join(ber.dir, 'muc.invitation');
  command(`syncline invite muc --dir ${short(ber.dir)} > ${short(file)}`);
  writeFileSync(file, await ber.quietly('invite', 'muc'), { mode: 0o600 });
  say((await muc.run('join', file, ...place)).split('\n')[0]!);
  await muc.run('up', '--detach');
}
