/** A moment as Kubernetes writes it in objects, to the second: `2026-01-01T00:00:00Z`. @param at a Date or Unix ms */
export function timestamp(at: Date | number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
