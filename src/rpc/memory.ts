/**
 * Two settings of this process for moving bulk. Every read of a socket takes a fresh buffer of 64 KiB; what becomes of
 * these cost more than half of the time of a transfer (bench/all-reduce.mjs).
 */
import { setFlagsFromString } from "node:v8";

/**
 * A block that is allocated, never touched, and freed with the first garbage. glibc keeps freed memory for reuse only up
 * to the size of the largest block that it saw freed, 32 MiB at most; until then it gives the buffers back to the kernel
 * and gets them again page by page.
 */
const keptFreed = 24 * 1024 * 1024;

/** For processes that move bulk; before they do. */
export function tuneForBulk(): void {
  new ArrayBuffer(keptFreed);
  // The buffers are memory outside of the heap, which makes V8 begin to mark the whole heap every 64 MiB. Marking bit by
  // bit beside the program costs several times what collecting the small heap at once does, which takes some 10 ms.
  setFlagsFromString("--no-incremental-marking");
}
