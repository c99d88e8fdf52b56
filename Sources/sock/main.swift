Termination.exit(Program.run(Environment.arguments.dropFirst().map(Array.init)))
