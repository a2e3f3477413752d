import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc (USER_HZ, fixed on Linux). */
const TICKS = 100;

interface Process {
  parent: number;
  /** CPU seconds of its own, and of children that ended. */
  own: number;
  ended: number;
}

/** CPU seconds that a process, and all that it started, have used so far. */
export function cpuSeconds(pid: number): number {
  const processes = allProcesses();
  const sum = (id: number): number => {
    const { own, ended } = processes.get(id) ?? { own: 0, ended: 0 };
    const children = [...processes].filter(([, { parent }]) => parent === id);
    return own + ended + children.reduce((total, [child]) => total + sum(child), 0);
  };
  return sum(pid);
}

/** A process and all that it started and that are still there. */
export function processTree(pid: number): number[] {
  const processes = allProcesses();
  const tree = [pid];
  for (const id of tree) {
    tree.push(...[...processes].filter(([, { parent }]) => parent === id).map(([child]) => child));
  }
  return tree;
}

function allProcesses(): Map<number, Process> {
  const processes = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statOf(name);
    if (fields === undefined) continue;
    // Fields after the command in proc(5): ppid is the 2nd, utime … cstime the 12th to the 15th.
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    processes.set(Number(name), {
      parent: Number(fields[1]),
      own: (utime + stime) / TICKS,
      ended: (cutime + cstime) / TICKS,
    });
  }
  return processes;
}

/** The command, which may contain spaces, is cut off. Undefined when the process is gone. */
function statOf(pid: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
