/** The syntax tree of a template: Jinja's own nodes, by their names. */
import type { Value } from "./values.js";

interface At {
  readonly line: number;
}

/** The use of a name: read, assigned, or a parameter of a macro, a loop or a `with`. */
export type NameUse = "load" | "store" | "param";

export interface NameNode extends At {
  readonly type: "Name";
  readonly name: string;
  use: NameUse;
}
/** `ns.attr` as a target of `set`. */
export interface NamespaceTarget extends At {
  readonly type: "NSRef";
  readonly name: string;
  readonly attribute: string;
}
export interface TupleNode extends At {
  readonly type: "Tuple";
  readonly items: readonly Expression[];
}
export type Target = NameNode | NamespaceTarget | TupleNode;

/** The arguments of a call. */
export interface Arguments {
  readonly args: readonly Expression[];
  readonly keywords: readonly (readonly [name: string, value: Expression])[];
  /** `*args`. */
  readonly rest: Expression | null;
  /** `**kwargs`. */
  readonly keywordRest: Expression | null;
}

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

export interface FilterNode extends At {
  readonly type: "Filter";
  /** null: the text of a block, in `{% filter %}` and `{% set x | f %}`. */
  readonly operand: Expression | null;
  readonly name: string;
  readonly arguments: Arguments;
}
export interface CallNode extends At {
  readonly type: "Call";
  readonly callee: Expression;
  readonly arguments: Arguments;
}
export interface SliceNode extends At {
  readonly type: "Slice";
  readonly start: Expression | null;
  readonly stop: Expression | null;
  readonly step: Expression | null;
}

export type Expression =
  | Target
  | FilterNode
  | CallNode
  | SliceNode
  | (At & { readonly type: "Const"; readonly value: Value })
  | (At & { readonly type: "List"; readonly items: readonly Expression[] })
  | (At & { readonly type: "Dict"; readonly entries: readonly (readonly [Expression, Expression])[] })
  | (At & {
      readonly type: "Condition";
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression | null;
    })
  | (At & {
      readonly type: "Test";
      readonly operand: Expression;
      readonly name: string;
      readonly arguments: Arguments;
    })
  | (At & { readonly type: "Item"; readonly object: Expression; readonly index: Expression })
  | (At & { readonly type: "Attribute"; readonly object: Expression; readonly name: string })
  | (At & { readonly type: "Concat"; readonly parts: readonly Expression[] })
  | (At & {
      readonly type: "Compare";
      readonly first: Expression;
      readonly rest: readonly (readonly [Comparison, Expression])[];
    })
  | (At & {
      readonly type: "Binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (At & { readonly type: "And" | "Or"; readonly left: Expression; readonly right: Expression })
  | (At & { readonly type: "Not" | "Negative" | "Positive"; readonly operand: Expression });

export interface Text extends At {
  readonly type: "Text";
  readonly text: string;
}

export interface ForNode extends At {
  readonly type: "For";
  readonly target: Target;
  readonly iterable: Expression;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
  readonly test: Expression | null;
  readonly recursive: boolean;
}
export interface IfNode extends At {
  readonly type: "If";
  readonly test: Expression;
  readonly body: readonly Statement[];
  readonly elifs: readonly IfNode[];
  readonly otherwise: readonly Statement[];
}
/** Parameters of a macro or a call block; `defaults` are those of the last ones. */
export interface Signature {
  readonly parameters: readonly NameNode[];
  readonly defaults: readonly Expression[];
}
export interface MacroNode extends At, Signature {
  readonly type: "Macro";
  readonly name: string;
  readonly body: readonly Statement[];
}
export interface CallBlockNode extends At, Signature {
  readonly type: "CallBlock";
  readonly call: CallNode;
  readonly body: readonly Statement[];
}
export interface AssignBlockNode extends At {
  readonly type: "AssignBlock";
  readonly target: Target;
  readonly filter: FilterNode | null;
  readonly body: readonly Statement[];
}
export interface WithNode extends At {
  readonly type: "With";
  readonly targets: readonly Target[];
  readonly values: readonly Expression[];
  readonly body: readonly Statement[];
}

export type Statement =
  | ForNode
  | IfNode
  | MacroNode
  | CallBlockNode
  | AssignBlockNode
  | WithNode
  | (At & { readonly type: "Output"; readonly parts: readonly (Text | Expression)[] })
  | (At & { readonly type: "Assign"; readonly target: Target; readonly value: Expression })
  | (At & { readonly type: "FilterBlock"; readonly filter: FilterNode; readonly body: readonly Statement[] })
  | (At & { readonly type: "Generation"; readonly body: readonly Statement[] })
  | (At & { readonly type: "Scope"; readonly body: readonly Statement[] })
  | (At & { readonly type: "Break" | "Continue" })
  /** `include`, `import`, `from`, `extends`: there is no second template, as in transformers. */
  | (At & { readonly type: "OtherTemplate"; readonly tag: string; readonly imports: readonly NameNode[] });

export type Node = Statement | Expression | Text;

const argumentNodes = ({ args, keywords, rest, keywordRest }: Arguments): Node[] => [
  ...args,
  ...keywords.map(([, value]) => value),
  ...(rest === null ? [] : [rest]),
  ...(keywordRest === null ? [] : [keywordRest]),
];

const present = (...nodes: readonly (Node | null)[]): Node[] => nodes.filter((node) => node !== null);

/** The nodes directly below one, in the order in which Jinja visits them. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.type) {
    case "Name":
    case "NSRef":
    case "Const":
    case "Text":
    case "Break":
    case "Continue":
      return [];
    case "Tuple":
    case "List":
      return node.items;
    case "Dict":
      return node.entries.flat();
    case "Condition":
      return present(node.test, node.then, node.otherwise);
    case "Filter":
    case "Test":
      return [...present(node.operand), ...argumentNodes(node.arguments)];
    case "Call":
      return [node.callee, ...argumentNodes(node.arguments)];
    case "Item":
      return [node.object, node.index];
    case "Attribute":
      return [node.object];
    case "Slice":
      return present(node.start, node.stop, node.step);
    case "Concat":
      return node.parts;
    case "Compare":
      return [node.first, ...node.rest.map(([, operand]) => operand)];
    case "Binary":
    case "And":
    case "Or":
      return [node.left, node.right];
    case "Not":
    case "Negative":
    case "Positive":
      return [node.operand];
    case "Output":
      return node.parts;
    case "For":
      return [node.target, node.iterable, ...node.body, ...node.otherwise, ...present(node.test)];
    case "If":
      return [node.test, ...node.body, ...node.elifs, ...node.otherwise];
    case "Macro":
      return [...node.parameters, ...node.defaults, ...node.body];
    case "CallBlock":
      return [node.call, ...node.parameters, ...node.defaults, ...node.body];
    case "AssignBlock":
      return [node.target, ...present(node.filter), ...node.body];
    case "With":
      return [...node.targets, ...node.values, ...node.body];
    case "Assign":
      return [node.target, node.value];
    case "FilterBlock":
      return [...node.body, node.filter];
    case "Generation":
    case "Scope":
      return node.body;
    case "OtherTemplate":
      return node.imports;
  }
}

/** Whether `found` is true for the node or any below it. */
export function someNode(nodes: readonly Node[], found: (node: Node) => boolean): boolean {
  return nodes.some((node) => found(node) || someNode(childrenOf(node), found));
}
