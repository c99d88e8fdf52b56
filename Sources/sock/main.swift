import Logging

// The library would otherwise write its log to standard error, in a form of its own.
LoggingSystem.bootstrap { _ in ServerLogHandler() }
Termination.exit(Program.run(Environment.arguments.dropFirst().map(Array.init)))
