// Why a listener cannot be bound, for people: what failed, the value, the flag that changes it.

/** The system has no such address, or cannot tell what the name means. */
const HOST_CODES: readonly (string | undefined)[] = [
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EINVAL',
  'ENODATA',
  'ENOTFOUND',
];

/**
 * @param name listener, as its flag names it: `http`, `mmtp` or `admin`, in `mgw dev` with a prefix
 * @param error what binding ended with
 */
export function bindErrorText(
  name: string,
  host: string,
  port: number | string,
  error: unknown,
): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const failed = `Cannot bind listener "${name}"`;
  if (HOST_CODES.includes(code)) {
    return `${failed}: "${host}" is no address of this machine (${code}); give one with --host`;
  }
  const reason = code === 'EADDRINUSE' ? `port ${port} is in use` : (message ?? String(error));
  return `${failed}: ${reason}; choose another with --${name}-port`;
}
