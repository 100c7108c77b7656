/**
 * Resolves names to variables at each place of a template: Jinja's `idtracking`, rule by rule. A scope (the template, a
 * loop's body, a macro …) has its own variables; a variable that is stored in it and also exists in an outer scope
 * starts each time as a copy of the outer one, so that nothing leaks out of a loop or into its next round.
 */
import { childrenOf, type ForNode, type NameNode, type Node, type Statement } from "./ast.js";

/** The variables of one function: the template itself, a macro, a recursive loop. */
export class FunctionScope {
  readonly parent: FunctionScope | null;
  readonly #slots = new Map<string, number>();

  constructor(parent: FunctionScope | null) {
    this.parent = parent;
  }

  slot(variable: string): number {
    let slot = this.#slots.get(variable);
    if (slot === undefined) this.#slots.set(variable, (slot = this.#slots.size));
    return slot;
  }
}

/** The location of a variable. */
export interface Reference {
  /** Its level and its name: variables of scopes side by side are one. */
  readonly variable: string;
  readonly scope: FunctionScope;
}

/** The initial value of a variable: its name's value in the context, an outer variable's, or none. */
export type Load =
  | { readonly kind: "parameter" | "undefined" }
  | { readonly kind: "resolve"; readonly name: string }
  | { readonly kind: "alias"; readonly of: Reference };

export class Symbols {
  readonly parent: Symbols | null;
  readonly scope: FunctionScope;
  readonly level: number;
  #references = new Map<string, Reference>();
  #loads = new Map<string, Load>();
  #stores = new Set<string>();

  constructor(parent: Symbols | null, scope: FunctionScope) {
    this.parent = parent;
    this.scope = scope;
    this.level = parent === null ? 0 : parent.level + 1;
  }

  get loads(): ReadonlyMap<string, Load> {
    return this.#loads;
  }

  find(name: string): Reference | null {
    return this.#references.get(name) ?? this.parent?.find(name) ?? null;
  }

  #define(name: string, load: Load): Reference {
    const reference = { variable: `${this.level} ${name}`, scope: this.scope };
    this.#references.set(name, reference);
    this.#loads.set(reference.variable, load);
    return reference;
  }

  #store(name: string): void {
    this.#stores.add(name);
    if (this.#references.has(name)) return;
    const outer = this.parent?.find(name) ?? null;
    this.#define(name, outer === null ? { kind: "undefined" } : { kind: "alias", of: outer });
  }

  declareParameter(name: string): Reference {
    this.#stores.add(name);
    return this.#define(name, { kind: "parameter" });
  }

  #load(name: string): void {
    if (this.find(name) === null) this.#define(name, { kind: "resolve", name });
  }

  #copy(): Symbols {
    const copy = new Symbols(this.parent, this.scope);
    copy.#references = new Map(this.#references);
    copy.#loads = new Map(this.#loads);
    copy.#stores = new Set(this.#stores);
    return copy;
  }

  /** After an `if`: what only some of its branches store is what it was before, in the others. */
  #merge(branches: readonly Symbols[]): void {
    const stored = new Set(branches.flatMap((branch) => [...branch.#stores]).filter((name) => !this.#stores.has(name)));
    for (const branch of branches) {
      for (const [name, reference] of branch.#references) this.#references.set(name, reference);
      for (const [variable, load] of branch.#loads) this.#loads.set(variable, load);
      for (const name of branch.#stores) this.#stores.add(name);
    }
    for (const name of stored) {
      const own = this.find(name);
      if (own === null) continue;
      const outer = this.parent?.find(name) ?? null;
      this.#loads.set(own.variable, outer === null ? { kind: "resolve", name } : { kind: "alias", of: outer });
    }
  }

  /** Takes in the nodes of this scope; those of scopes within are not looked at. */
  visit(nodes: readonly Node[]): void {
    for (const node of nodes) this.#visit(node);
  }

  #visit(node: Node): void {
    const { type } = node;
    if (type === "Name") this.#visitName(node);
    else if (type === "NSRef") this.#load(node.name);
    else if (type === "Macro") this.#store(node.name);
    else if (type === "If") {
      this.#visit(node.test);
      this.#merge([this.#branch(node.body), this.#branch(node.elifs), this.#branch(node.otherwise)]);
    } else if (type === "Assign") this.visit([node.value, node.target]);
    else if (type === "For") this.#visit(node.iterable);
    else if (type === "CallBlock") this.#visit(node.call);
    else if (type === "FilterBlock") this.#visit(node.filter);
    else if (type === "With") this.visit(node.values);
    else if (type === "AssignBlock") this.#visit(node.target);
    else if (type !== "Scope" && type !== "Generation") this.visit(childrenOf(node));
  }

  #visitName({ name, use }: NameNode): void {
    if (use === "param") this.declareParameter(name);
    else if (use === "store") this.#store(name);
    else this.#load(name);
  }

  #branch(nodes: readonly Statement[]): Symbols {
    const branch = this.#copy();
    branch.visit(nodes);
    return branch;
  }

  /** A loop's target: its names belong to the loop whatever they are outside. */
  declareTarget(target: Node): void {
    if (target.type === "Name") this.declareParameter(target.name);
    else if (target.type === "NSRef") this.#load(target.name);
    else for (const child of childrenOf(target)) this.declareTarget(child);
  }

  visitLoop(node: ForNode, branch: "body" | "test"): void {
    this.declareTarget(node.target);
    if (branch === "body") this.visit(node.body);
    else if (node.test !== null) this.#visit(node.test);
  }
}

/** The names that are read before they are stored, in Jinja's order of visiting. */
export function undeclaredNames(nodes: readonly Node[], names: readonly string[]): ReadonlySet<string> {
  const open = new Set(names);
  const undeclared = new Set<string>();
  const visit = (node: Node): void => {
    if (undeclared.size === names.length) return;
    if (node.type !== "Name") childrenOf(node).forEach(visit);
    else if (node.use === "load" && open.has(node.name)) undeclared.add(node.name);
    else open.delete(node.name);
  };
  nodes.forEach(visit);
  return undeclared;
}
