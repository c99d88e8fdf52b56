// `import Sockets` is all a user needs: `Errno`, `FilePath` and `FileDescriptor` come with it.
@_exported public import SystemPackage
