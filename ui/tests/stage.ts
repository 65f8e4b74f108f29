// A scene in a real browser, for the pictures: `stage.html#identities`.
import { screen } from "@testing-library/dom";
import userEvent from "@testing-library/user-event";
import { mount } from "svelte";
import "../look.css";
import App from "../App.svelte";
import { scenes } from "./scenes";

const scene = scenes[location.hash.slice(1)];
if (scene === undefined) throw new Error(`no scene ${location.hash}`);
scene.app().install();
mount(App, { target: document.body });
await scene.act?.({ screen: screen as never, user: userEvent.setup() });
document.documentElement.dataset["ready"] = "yes";
