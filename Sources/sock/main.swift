import Logging

// Otherwise the library would write its log to standard error in its own format.
LoggingSystem.bootstrap { _ in ServerLogHandler() }
Termination.exit(Program.run(Environment.arguments.dropFirst().map(Array.init)))
