/** HTML escapes, as markupsafe writes them. */
const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  '"': "&#34;",
};

export const escapeHtml = (text: string): string => text.replace(/[&<>'"]/g, (character) => entities[character] ?? "");
