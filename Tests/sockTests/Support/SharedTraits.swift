// Every file of the target sees the traits of the shared target.
@_exported import TestSupport
