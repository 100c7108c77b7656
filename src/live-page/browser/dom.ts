/** The document's elements by their ids. Everything from a run is inserted as text, never as HTML. */

export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

export function input(id: string): HTMLInputElement {
  const found = element(id);
  if (!(found instanceof HTMLInputElement)) throw new Error(`#${id} is not an input`);
  return found;
}

export function setText(id: string, text: string): void {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

export const replaceChildren = (id: string, children: readonly Node[]): void =>
  element(id).replaceChildren(...children);

export function row(cells: readonly (string | Node)[]): HTMLTableRowElement {
  const line = document.createElement("tr");
  for (const cell of cells) line.insertCell().append(cell);
  return line;
}
