/** A promise of the engine that was not kept. */
export class Violation extends Error {}
