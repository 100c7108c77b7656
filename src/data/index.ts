/** Reads data files into rows of tokens, in a fixed order. */
export { openTokenizer } from "./tokenizer.js";
export { openTokenizerIfAny } from "./absent-tokenizer.js";
export type { DecodeOptions, EncodedText, EncodeOptions, OpenTokenizerOptions, TextTokenizer } from "./tokenizer.js";
export type { SpecialTokens } from "./tokenizer-files.js";
export type { ChatMessage, Conversation } from "./conversation.js";
export { ChatTemplate } from "./chat-template.js";
export type { ChatTemplateOptions, RenderOptions, Supervision, TrainingTexts } from "./chat-template.js";
export type { TrainingText, TurnText } from "./turns.js";
export type { MarkedText, TextSpan } from "./generation-tags.js";
export { kwargsNotes } from "./kwargs-notes.js";
export { adapterTextNotes, openChatTemplates, overrideText } from "./model-templates.js";
export { endOfTurnToken } from "./end-of-turn.js";
export { inferenceFiles } from "./inference-files.js";
export type { InferenceFilesOptions } from "./inference-files.js";
export type { ChatTemplates, ChatTemplatesOptions } from "./model-templates.js";
export { detectFormat, exampleReader } from "./formats/index.js";
export type { ChatExample, DataFormat, Example, FormatOptions } from "./formats/index.js";
export { knownRoles, requireKnownRoles } from "./roles.js";
export {
  checkSources,
  dataOf,
  DatasetVersions,
  Duplicates,
  readRecords,
  SourceFormats,
  sourceLines,
} from "./sources/index.js";
export type {
  DataInput,
  DataRecord,
  DataSelection,
  DatasetVersionsOptions,
  ReadOptions,
  RecordedDataset,
  RunData,
  SourceStatistics,
} from "./sources/index.js";
export { BadExamples, inWords as skippedInWords } from "./bad-examples.js";
export type { SkippedExample } from "./bad-examples.js";
export { buildTokenStore } from "./build-token-store.js";
export type { TokenisedExample, TokenisedLine, TokenObserver, TokenStoreOptions } from "./token-store-options.js";
export type { SkippedExamples, DataStatistics, DropReason, SplitConversations, TokenStore } from "./token-store.js";
export { packExamples } from "./packing.js";
export type { Packing } from "./packing.js";
export { epochOrder, stepPlan } from "./order.js";
export type { StepPlan, StepPlanOptions, StepRows } from "./order.js";
export { tokenizeAnswer } from "./continuation.js";
export { previewRow, renderPreview, splitNote } from "./preview.js";
export type { PreviewPiece, PreviewRow, PreviewStyle } from "./preview.js";
export { collate, IGNORE, paddedLength, supervisedTokens } from "./row.js";
export type { Batch, Row } from "./row.js";
export { DataSummariser } from "./summary/index.js";
export type {
  DataSummary,
  LengthBin,
  LengthStatistics,
  Occurrences,
  SourceSummary,
  SummaryCounts,
} from "./summary/index.js";
