/** Numbers that must not be mixed up carry a brand. They are plain numbers at run time. */

declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** An optimiser update, counted from 1. Step 0 is the state before the first. */
export type StepNumber = Branded<"StepNumber">;

/** A shard of a step's global batch, 0 .. S-1. */
export type ShardIndex = Branded<"ShardIndex">;

export const stepNumber = (value: number): StepNumber => value as StepNumber;
export const shardIndex = (value: number): ShardIndex => value as ShardIndex;
