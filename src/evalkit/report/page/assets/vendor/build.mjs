// Writes d3.min.js and LICENSES.txt beside this file; `make charts` runs it in a scratch copy.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { buildSync } from "esbuild";

const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const bundled = Object.entries(devDependencies).filter(([name]) => name !== "esbuild");

const licence = ([name, version]) => {
  const folder = `node_modules/${name}`;
  const file = readdirSync(folder).find((found) => /^licen[cs]e/i.test(found));
  return `${name} ${version}\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n`;
};

buildSync({
  entryPoints: ["d3.js"], outfile: "d3.min.js", bundle: true, minify: true, format: "iife", globalName: "d3", target: "es2022", charset: "ascii",
  banner: { js: `/*! ${bundled.map(([name, version]) => `${name} ${version}`).join(", ")}. ISC licence, Mike Bostock: see LICENSES.txt */` },
});
writeFileSync("LICENSES.txt", bundled.map(licence).join("\n---\n\n"));
