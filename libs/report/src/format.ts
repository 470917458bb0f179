/** `42.4 %`: a share in percent, with one decimal. */
export function percent(share: number, decimals = 1): string {
  return `${(100 * share).toFixed(decimals)}\u202f%`;
}

/** `1,234`, or `12.3` for what is not whole. */
export function number(value: number, decimals = 0): string {
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Three significant digits, for losses and the like. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return "not finite";
  return value !== 0 && Math.abs(value) < 0.001
    ? value.toExponential(1)
    : value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** `48 s`, `6 min 41 s`, `1 h 12 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `24 November 2026, 11:06 UTC`. */
export function moment(iso: string): string {
  const date = new Date(iso);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
  return `${day}, ${iso.slice(11, 16)} UTC`;
}

/** `1 picture`, `2 pictures`, `4,000 pictures`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** The first twelve digits of a digest, as the command line takes them. */
export function short(digest: string): string {
  return digest.slice(0, 12);
}
