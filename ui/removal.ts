// The steps of a logout by their result, planned and done steps together.
import type { RemovalStep, Report, StepResult } from "./contract";

type Sorted = { gone: RemovalStep[]; kept: RemovalStep[]; failed: RemovalStep[]; absent: number };

export function sorted({ steps }: Report): Sorted {
  const of = (...results: StepResult[]) => steps.filter(({ result }) => results.includes(result));
  return {
    gone: of("removed", "would_remove"),
    kept: of("kept"),
    failed: of("failed"),
    absent: of("absent").length,
  };
}
