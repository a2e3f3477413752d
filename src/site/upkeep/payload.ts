/**
 * What a notification says. Every role may notify any channel: of what is no JSON object nothing is known, as of what has
 * none of the members that are asked for.
 */
export function readPayload(payload: string): Record<string, unknown> {
  try {
    return (JSON.parse(payload) as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}
