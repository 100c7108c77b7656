/** Limits of the queue. */

/** Maximum number of consecutive attempts without a committed step. */
export const attemptsAllowed = 5;
