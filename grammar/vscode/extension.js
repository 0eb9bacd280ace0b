// Starts `hetemu lsp` and speaks with it; everything else is the server's.
const { commands, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const command = workspace.getConfiguration("hetemu").get("path") || "hetemu";
  const server = { command, args: ["lsp"] };
  const options = { documentSelector: [{ language: "hm" }] };
  client = new LanguageClient("hetemu", "hetemu", server, options);
  await client.start();
}

exports.activate = async (context) => {
  const restart = async () => {
    await exports.deactivate();
    await start();
  };
  context.subscriptions.push(commands.registerCommand("hetemu.restart", restart));
  await start();
};

exports.deactivate = async () => {
  const running = client;
  client = undefined;
  await running?.stop();
};
