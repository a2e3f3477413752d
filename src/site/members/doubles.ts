/** So long nobody is trusted after two agents were heard: several greetings, ms. */
const DISTRUST_MS = 40_000;
/** An agent that was followed by another one has to be heard so often again: what a network held back is heard once. */
const RETURNS = 2;
/** Runs of a site that are remembered; one that others followed so often does not come back. */
const MAX_FORMER = 100;

interface Heard {
  /** The run that was heard last. */
  run: string;
  /** Runs that another one followed, and how often each was heard again after that. */
  former: Map<string, number>;
  /** By `performance.now()`. */
  distrustedUntil: number;
}

/**
 * Finds out that two agents run with the identity of one site: its folder and database were copied, and both are used.
 * Each start of an agent is a run with a name of its own, which greetings say. A site that is started again has another
 * one, and the one before is never heard of again. Two that are heard in turns are two agents: what the one acknowledges
 * the other one has not.
 */
export class Doubles {
  readonly #sites = new Map<string, Heard>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * A run of a site was heard.
   *
   * @param run undefined of an earlier build
   * @returns true when it shows that there are two, and they were not known yet
   */
  heard(site: string, run: string | undefined): boolean {
    if (run === undefined) return false;
    const known = this.#sites.get(site);
    if (known === undefined) {
      this.#sites.set(site, { run, former: new Map(), distrustedUntil: -Infinity });
      return false;
    }
    if (known.run === run) return false;
    const returns = known.former.get(run);
    followed(known);
    known.run = run;
    if (returns === undefined) return false;
    known.former.set(run, returns + 1);
    if (returns + 1 < RETURNS) return false;
    const isNew = !this.isDouble(site);
    known.distrustedUntil = this.#now() + DISTRUST_MS;
    return isNew;
  }

  /** Whether two agents of the site were heard lately. */
  isDouble(site: string): boolean {
    return (this.#sites.get(site)?.distrustedUntil ?? -Infinity) > this.#now();
  }

  /** Names of the sites of which that is so. */
  names(): string[] {
    return [...this.#sites.keys()].filter((site) => this.isDouble(site)).sort();
  }
}

/** The run that was heard last becomes the newest of the former ones. */
function followed({ run, former }: Heard): void {
  const returns = former.get(run) ?? 0;
  former.delete(run);
  former.set(run, returns);
  const [oldest] = former.keys();
  if (former.size > MAX_FORMER) former.delete(oldest!);
}
