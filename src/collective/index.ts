export { children, contains, cover, describeNode, isNode, parent, root, sameNode, sibling } from "./tree.js";
export type { TreeNode } from "./tree.js";
