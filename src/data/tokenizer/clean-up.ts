/** `clean_up_tokenization` of transformers: decoded text without spaces before punctuation and contractions. */
const replacements: readonly (readonly [string, string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

export const cleanedUp = (text: string): string =>
  replacements.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
