/**
 * Two process-wide settings for bulk transfers. Every read of a socket allocates a buffer of 64 KiB; managing these
 * buffers took more than half of the time of a transfer (bench/all-reduce.mjs).
 */
import { setFlagsFromString } from "node:v8";

/**
 * A block that is allocated, never touched, and freed with the first garbage collection. glibc keeps freed memory for
 * reuse only up to the size of the largest block freed so far, 32 MiB at most; until then it returns the buffers to the
 * kernel and faults them in again page by page.
 */
const keptFreed = 24 * 1024 * 1024;

/** To be called by processes that transfer bulk data, before they do. */
export function tuneForBulk(): void {
  new ArrayBuffer(keptFreed);
  // The buffers are external memory, which makes V8 start marking the whole heap every 64 MiB. Incremental and
  // concurrent marking costs several times as much as collecting the small heap in one pause, which takes about 10 ms.
  setFlagsFromString("--no-incremental-marking");
}
