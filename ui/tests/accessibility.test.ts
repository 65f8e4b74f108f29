// axe checks every view and state. Contrast needs real colours and is checked in a browser, with the pictures.
import axe from "axe-core";
import { screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { open, settled } from "./page";
import { scenes } from "./scenes";

// 200 rows take axe longer in jsdom than all other scenes; they are checked with the pictures.
const looked_at = Object.entries(scenes).filter(([name]) => name !== "identities-200");

test.each(looked_at)("%s has no violation", async (_, scene) => {
  const user = await open(scene.app());
  await scene.act?.({ screen, user });
  await settled();
  const { violations } = await axe.run(document, {
    resultTypes: ["violations"],
    rules: { "color-contrast": { enabled: false }, "html-has-lang": { enabled: false }, "document-title": { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`)).toEqual([]);
});
