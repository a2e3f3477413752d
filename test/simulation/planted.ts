/**
 * Bugs that can be planted in the simulated engine, to show that the checks find them. Each is a mistake
 * that somebody could make in the agent; `planted.test.ts` requires that each is found.
 */
export const PLANTED = {
  'skip-floor': 'apply does not raise the floor above the stamps that it writes',
  'ignore-vector': 'apply does not wait for what a batch was made with knowledge of',
  'keep-knowledge': 'after a crash of the database apply still believes what the crash took back',
  'late-beacon': 'the knowledge of a change is announced after the commit that makes it visible',
  'forget-vector': 'capture confirms a position without saving the vector that belongs to it',
  'early-vector':
    'capture saves a vector that belongs to a later position than the one it confirms',
  'progress-first': 'progress is committed durably ahead of the data',
  'apply-twice': 'transactions that were applied already are not skipped',
  'no-base-check': 'the set-based update does not compare stamps with the base',
  'no-birth-check': 'the set-based update does not compare the birth with the base',
  'insert-over-tombstone': 'the set-based insert does not look at the tombstone',
  'ignore-tombstone': 'merge is not shown the tombstone',
  'tombstone-without-birth': 'a tombstone does not say which incarnations are dead',
  'arrival-wins': 'in a conflict the change that arrives last wins',
  'merge-incarnations': 'two incarnations of a key are merged group by group',
  'additive-overwrites': 'the set-based update writes a counter instead of adding the difference',
  'may-fall': 'the trigger lets a value of a monotonic group fall',
  'latest-only': 'merge takes the later value of a monotonic group instead of the better one',
  'equal-stamp-overwrites':
    'the set-based update overwrites a monotonic group that has the base stamp',
  'serial-without-base':
    'the set-based update compares a serial number with one that the origin saw',
  'latest-set': 'merge takes the later one of two sets',
  'set-without-base':
    'the set-based update does not compare a set with the one that the origin saw',
  'forget-removals': 'where removals win, a removal is forgotten at the next write',
  'old-insert-stamp': 'an insert may get a stamp that is not above the tombstone of its key',
  'lose-unchanged': 'a value that the WAL leaves out since it did not change becomes NULL',
  'netted-history': 'changes of an entity that keeps history are netted before they are replayed',
  'arrival-order': 'a history is replayed in the order in which its changes came',
  'trim-too-early':
    'a history is trimmed when every site has what is trimmed, but not yet what was made without it',
  'base-of-newest': 'without a base, replay begins with what the newest change was made over',
  'lost-history-on-crash': 'histories are not on disk: a crash of the database empties them',
  'stamp-below-history':
    'a local write is stamped above its group only, not above all of the history of its key',
  'unrecorded-local': 'local changes are not in the history',
  'no-last-image': 'a trimmed history forgets the image that a delete ended',
  'plain-by-stamp':
    'a change is plain where it finds the stamp that its origin saw, whatever the values are',
  'tombstone-stays': 'a delete that was overruled leaves its tombstone',
  'set-as-value': 'a replay takes the later one of two sets',
  'base-without-tags': 'the base of a trimmed history has arrays of sets without their tags',
  'insert-overwrites': 'of two inserts that are to be merged the later one stands',
  'trim-merged':
    'a history is trimmed although what is left changes the row by the birth of the earlier one of two merged inserts',
  'sets-in-order':
    'of sets in a history the conflicts are recorded that show in the order of stamps, not those of what arrives',
  'same-as-seen':
    'a change is not recorded as lost with its row where the delete found the same stamps and values',
  'base-early-progress': 'the progress of a base copy is read before its rows, not with them',
  'base-late-progress': 'the progress of a base copy is read after its rows, not with them',
  'base-without-tombstones': 'a base copy has no tombstones',
  'base-without-history': 'a base copy has no histories',
  'base-without-floor': 'a new site does not stamp its writes above what its base copy has',
  'base-floor-of-giver':
    'a new site stamps its writes above the floor of the giver, not above what the giver itself wrote',
  'base-without-vector':
    'a new site does not say that its first changes were made with knowledge of the base copy',
  'base-of-wal-end':
    'a base copy says that it has its site up to a position that no transaction of it has',
  'join-unannounced': 'the others are not told of a new site before its base copy is made',
  'join-before-shipped':
    'a new site is there before the others have what its base copy has of the giver',
  'stable-without-joining': 'a site that joins is not asked whether something is stable',
  'stable-without-departed': 'stability does not wait for what a site wrote that has left',
  'floor-untold': 'sites are not told above which stamp they have to write for it to become stable',
  'waive-unasked':
    'a lost site’s changes are applied without those of another one while a member that is away may have them',
  'waive-untold':
    'what a member said that it has of a lost site counts, though it did not know yet that the site is gone',
  'waive-nothing':
    'a lost site’s changes wait for those of another one that no member has, for ever',
  'join-before-others':
    'a new site is there before the others have what its base copy has of a third one',
  'leave-unstored':
    'a site leaves when the others have applied what it wrote, but have it not on disk in their journals',
  'leave-early': 'a site leaves before the others have what it wrote',
  'expire-unstable': 'rows that are over are removed without waiting until they are stable',
  'expire-by-own': 'a site finds out by itself alone that rows are stable',
  'expire-when-everywhere':
    'a row is removed when every site has it, but not yet what was made without it',
  'expire-by-birth':
    'a row is removed when its insert is stable, whatever was written into it since',
  'expire-untold':
    'sites are not told above which stamp they have to write for rows to become stable',
  'expire-with-tombstone': 'a row that is over is removed as if it was deleted',
  'removed-for-good': 'a change of a row that was removed does not bring it back',
  'renewal-of-changes': 'a change brings a row back with nothing but what it changed',
  'base-without-over': 'a base copy has no rows that are over by the clock of its giver',
  'silent-conflict': 'conflicts are not recorded',
} as const;

export type Planted = keyof typeof PLANTED;

export function isPlanted(name: string): name is Planted {
  return Object.hasOwn(PLANTED, name);
}
