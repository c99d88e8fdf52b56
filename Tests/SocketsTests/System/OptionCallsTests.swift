import Glibc
import Testing

@testable import Sockets

@Suite("Option calls", .ownThread)
struct OptionCallsTests {
    /// Returns the seconds and microseconds of the kernel's `struct timeval`.
    private func timeLimit(of descriptor: Int32, _ name: Int32) -> [Int] {
        var value = [-1, -1]
        var length: socklen_t = 16
        getsockopt(descriptor, SOL_SOCKET, name, &value, &length)
        return value
    }

    @Test("setTimeout sets the kernel's time limit, and 0 removes the limit")
    func timeLimits() throws {
        let (one, _) = try RawSockets.pair()
        for (option, name) in [(TimeoutOption.receive, SO_RCVTIMEO), (.send, SO_SNDTIMEO)] {
            // Multiples of a tenth of a second are exact for every clock rate.
            for (micros, expected) in [
                (1_500_000, [1, 500_000]), (100_000, [0, 100_000]), (3_600_000_000, [3600, 0]),
                (0, [0, 0]),
            ] as [(UInt64, [Int])] {
                try System.setTimeout(one.number, option, microseconds: micros)
                #expect(timeLimit(of: one.number, name) == expected)
            }
        }
    }

    @Test("each direction has a separate time limit")
    func limitsAreSeparate() throws {
        let (one, _) = try RawSockets.pair()
        try System.setTimeout(one.number, .receive, microseconds: 200_000)
        #expect(timeLimit(of: one.number, SO_SNDTIMEO) == [0, 0])
        #expect(timeLimit(of: one.number, SO_RCVTIMEO) == [0, 200_000])
    }

    @Test("the kernel stores the longest time limit of the library without truncation")
    func longestLimit() throws {
        let (one, _) = try RawSockets.pair()
        try System.setTimeout(one.number, .receive, microseconds: KernelTimeout.longest)
        let days = timeLimit(of: one.number, SO_RCVTIMEO)[0] / 86400
        #expect(days == 12)
    }

    @Test("recv throws EAGAIN at the time limit")
    func limitEndsAReceive() throws {
        let (one, other) = try RawSockets.pair()
        try System.setTimeout(one.number, .receive, microseconds: 20_000)
        #expect(throws: Errno.wouldBlock) { try System.recv(one.number, atMost: 1) }
        withExtendedLifetime(other) {}
    }

    @Test("an option call on an invalid descriptor that the library owns ends the program")
    func bug() async {
        await #expect(processExitsWith: .failure) {
            _ = try? System.option(-1, OptionKey(level: SOL_SOCKET, name: SO_PRIORITY))
        }
        await #expect(processExitsWith: .failure) {
            try? System.setOption(-1, OptionKey(level: SOL_SOCKET, name: SO_PRIORITY), 1)
        }
    }

    @Test("an option is set and read as a number, as bytes and as a fixed-layout value")
    func values() throws {
        let socket = try RawSockets.make(.ipv4, .stream)
        let key = OptionKey(level: SOL_SOCKET, name: SO_PRIORITY)
        try System.setOption(socket.number, key, 4)
        #expect(try System.option(socket.number, key) == 4)
        #expect(try System.option(socket.number, key, capacity: 16) == [4, 0, 0, 0])
        #expect(try System.option(socket.number, key, capacity: 2) == [4, 0])
        try System.setOption(socket.number, key, [5, 0, 0, 0])
        #expect(try System.getsockopt(socket.number, key.level, key.name, Int32(-1)) == 5)
        #expect(throws: Errno.invalidArgument) { try System.setOption(socket.number, key, [5]) }
    }

    @Test("getsockopt keeps the bytes that the kernel does not write")
    func shortAnswer() throws {
        let socket = try RawSockets.make(.ipv4, .stream)
        let value = try System.getsockopt(
            socket.number, SOL_SOCKET, SO_TYPE, UInt64(0xAABB_CCDD_0000_0000))
        #expect(value == 0xAABB_CCDD_0000_0001)
    }

    @Test("linger is set and read as nil or a number of seconds")
    func linger() throws {
        let socket = try RawSockets.make(.ipv4, .stream)
        for value in [0, 5, nil, 7] as [Int32?] {
            try System.setLinger(socket.number, value)
            #expect(try System.linger(socket.number) == value)
        }
    }

    @Test("an option whose value is a name is set and read in full")
    func names() throws {
        let socket = try RawSockets.make(.ipv4, .stream)
        try System.setOption(socket.number, .congestionControl, name: "reno")
        #expect(try System.optionName(socket.number, .congestionControl) == "reno")
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try System.setOption(socket.number, .congestionControl, name: "nosuch")
        }
        #expect(try System.optionName(socket.number, .bindToDevice) == "")
        try System.setOption(socket.number, .bindToDevice, name: "")
        #expect(try System.optionName(socket.number, .bindToDevice) == "")
        try System.setOption(socket.number, .bindToDevice, name: "lo")
        #expect(try System.optionName(socket.number, .bindToDevice) == "lo")
    }

    @Test("isOptionName accepts only names that the kernel does not shorten")
    func lengthOfNames() {
        for name in ["a", "eth0.100", "ü", String(repeating: "x", count: 15)] {
            #expect(System.isOptionName(name), "\(name)")
        }
        for name in ["", "a\0", "\0", String(repeating: "x", count: 16)] {
            #expect(!System.isOptionName(name), "\(name.debugDescription)")
        }
        #expect(!System.isOptionName(String(repeating: "ü", count: 8)))
    }

    @Test("usesMultipathTCP is false for sockets that do not use Multipath TCP")
    func multipathTCP() throws {
        for family in AddressFamily.allCases {
            for type in [SocketType.stream, .datagram] {
                let socket = try RawSockets.make(family, type)
                #expect(try !System.usesMultipathTCP(socket.number), "\(family) \(type)")
            }
        }
    }

    @Test("isListening is true only for a listening socket")
    func listening() throws {
        let (listener, _) = try RawSockets.listener()
        #expect(try System.isListening(listener.number))
        let silent = try RawSockets.make(.ipv4, .stream)
        #expect(try !System.isListening(silent.number))
        let file = Descriptor(open("/dev/null", O_RDONLY))
        #expect(throws: Errno.notSocket) { try System.isListening(file.number) }
        #expect(throws: Errno.notSocket) { try System.identity(of: file.number) }
    }

    @Test("takeError returns the pending error and clears the error")
    func pendingError() throws {
        let peer = try RawSockets.bound(.datagram)
        let socket = try RawSockets.make(.ipv4, .datagram)
        let address = try System.getsockname(peer.number)
        try System.connect(socket.number, address)
        _ = Glibc.shutdown(peer.number, Int32(SHUT_RDWR))
        #expect(try System.takeError(socket.number) == nil)
        do {
            let closed = OwnedDescriptor(try System.socket(.ipv4, .datagram))
            let loopback = RawSocketAddress(.ipv4(bits: RawSockets.loopback, port: 0))
            try System.bind(closed.number, loopback)
            try System.connect(socket.number, System.getsockname(closed.number))
        }
        _ = try System.send(socket.number, "x")
        #expect(try System.takeError(socket.number) == .connectionRefused)
        #expect(try System.takeError(socket.number) == nil)
    }

    @Test("if_nametoindex finds an interface by its exact name")
    func interfaces() throws {
        #expect(try System.if_nametoindex("lo").map { $0 > 0 } == true)
        for name in [
            "", "nosuch0", "lo ", "LO", "lo\0", "lo\0x", String(repeating: "l", count: 99),
        ] {
            #expect(try System.if_nametoindex(name) == nil, "\(name.debugDescription)")
        }
    }
}
