// Mounts the page in its window.
import { mount } from "svelte";
import "./look.css";
import App from "./App.svelte";

mount(App, { target: document.body });
