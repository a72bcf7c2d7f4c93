using System.Text;
using System.Threading;
using Warren.Asm;
using Warren.Machines.Serial;

namespace Warren.Machines.Tests;

/// <summary>A bare-metal guest from assembly source, and the machine that runs it.</summary>
internal sealed class Guest : IDisposable
{
    /// <summary>The longest any test waits; a test that needs it has failed.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private const string Prelude = """
                    .equ    FINISHER, 0x100000
                    .equ    RTC, 0x101000
                    .equ    PLIC, 0x0c000000
                    .equ    UART, 0x10000000
                    .equ    HSM, 0x48534d
                    .equ    IPI, 0x735049
                    .equ    RFENCE, 0x52464e43
                    .equ    SRST, 0x53525354
                    .equ    DBCN, 0x4442434e
                    .macro  sbi extension, function
                    li      a7, \extension
                    li      a6, \function
                    ecall
                    .endm
                    .macro  pass
                    li      t0, FINISHER
                    li      t1, 0x5555
                    sw      t1, 0(t0)
            9:      j       9b
                    .endm
                    .macro  fail code
                    li      t0, FINISHER
                    li      t1, 0x3333 | (\code) << 16
                    sw      t1, 0(t0)
            9:      j       9b
                    .endm
                    .text
                    .global _start
            _start:

            """;

    private readonly string _directory = Directory.CreateTempSubdirectory("warren-guest-").FullName;

    public Guest(string source)
        : this(Assembler.Assemble(Prelude + source + "\n",
            new AssemblerOptions { Output = OutputKind.Elf, Base = MemoryMap.Ram, Entry = "_start" }).Bytes)
    {
    }

    public Guest(ReadOnlySpan<byte> executable)
    {
        KernelPath = Path.Combine(_directory, "guest.elf");
        File.WriteAllBytes(KernelPath, executable);
    }

    public string KernelPath { get; }

    public MemoryStream Console { get; } = new();

    public string ConsoleText => Encoding.Latin1.GetString(Console.ToArray());

    public MachineOptions Options => new()
    {
        KernelPath = KernelPath,
        MemoryBytes = 16 << 20,
        Vm = new() { Mmu = OnEachMmu.Current, Audit = true },
        Serial = [new SerialOptions { Output = Console }],
        Timeout = Patience,
    };

    public string Save(string name, byte[] content)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>Runs the guest to its end.</summary>
    public MachineExit Run(int cpus = 1) => Run(Options with { Cpus = cpus });

    public static MachineExit Run(MachineOptions options, CancellationToken cancellation = default)
    {
        using var machine = Machine.Create(options);
        return machine.RunAsync(cancellation).WaitAsync(Patience + Patience, CancellationToken.None).GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        Console.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
