/** How many files, sockets included, this process may have open. */

/** Where the system has no limit, as many as Linux gives a process by default at most. */
const unlimited = 1_048_576;

/** Node.js has already raised the soft limit to the hard one. Takes 5 ms. */
export function openFilesLimit(): number {
  const { report } = process;
  // Reading the limits must not look up names of peers.
  Object.assign(report, { excludeNetwork: true });
  return limitIn(report.getReport());
}

/** @param report a diagnostic report of Node.js */
export function limitIn(report: object): number {
  const { userLimits } = report as { readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === "number" ? soft : unlimited;
}
