/** The page with its generated part made anew from the JSON Schema of the run file. */
export function withReference(page: string, schema: object): string;
