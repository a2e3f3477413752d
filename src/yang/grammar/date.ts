const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Whether the text is a date of the calendar, `YYYY-MM-DD` (date-arg, RFC 7950 §14). */
export function parseDate(text: string): boolean {
  const match = DATE.exec(text);
  if (match === null) return false;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
