Termination.exit(Program.run(Array(CommandLine.arguments.dropFirst())))
