import { createAuthority, issueCertificate } from '../../link/authority.ts';
import type { InstalledModel } from '../database/catalog.ts';
import { checkGroupName, checkSiteName } from '../config/config.ts';
import type { SiteConfig } from '../config/config.ts';
import { createSite } from './create.ts';
import type { SitePlace } from './create.ts';

export interface InitOptions extends SitePlace {
  site: string;
  group: string;
  models: readonly InstalledModel[];
}

/**
 * Makes the first site of a group, with the group's certificate authority.
 *
 * @throws those of `createSite`
 */
export async function initSite(options: InitOptions): Promise<SiteConfig> {
  const group = checkGroupName(options.group);
  const authority = await createAuthority(group);
  const identity = await issueCertificate(authority, { group, name: checkSiteName(options.site) });
  return createSite({
    ...options,
    number: 1,
    authority: authority.certificate,
    authorityKey: authority.key,
    identity,
    fill: () => Promise.resolve(),
  });
}
