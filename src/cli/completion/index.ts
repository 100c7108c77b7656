export { bashScript } from "./bash.js";
export { fishScript } from "./fish.js";
export { wordsOf } from "./words.js";
export { zshScript } from "./zsh.js";
