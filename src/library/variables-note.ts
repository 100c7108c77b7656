/**
 * The note on chat template variables for a format that cannot record them.
 * @param format "a merged model"
 */
export const variablesNote = (kwargs: Readonly<Record<string, unknown>>, format: string): string =>
  `the adapter was trained with the chat template variables ${JSON.stringify(kwargs)}, which ${format} does not ` +
  "record: give them wherever it is used (--chat-template-kwargs)";
