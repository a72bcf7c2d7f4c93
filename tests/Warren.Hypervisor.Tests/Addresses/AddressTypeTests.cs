using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Warren.HostMemory;

namespace Warren.Hypervisor.Tests.Addresses;

/// <summary>The promise of the address types: no number becomes one by itself, and none costs an instruction.</summary>
public sealed partial class AddressTypeTests
{
    [Theory]
    [InlineData(typeof(Hva), typeof(ulong))]
    [InlineData(typeof(Gpa), typeof(ulong))]
    [InlineData(typeof(Gfn), typeof(ulong))]
    [InlineData(typeof(Gva), typeof(ulong))]
    [InlineData(typeof(Pfn), typeof(int))]
    public void An_address_is_one_word_and_never_becomes_a_number_by_itself(Type type, Type word)
    {
        Assert.True(type.IsValueType);
        var field = Assert.Single(type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic));
        Assert.Equal(word, field.FieldType);
        Assert.True(field.IsInitOnly);
        Assert.Equal(Marshal.SizeOf(word), Marshal.SizeOf(type));
        Assert.DoesNotContain(type.GetMethods(BindingFlags.Static | BindingFlags.Public), m => m.Name == "op_Implicit");
    }

    /// <summary>The JIT makes no more instructions of <see cref="TypedAddresses"/> than of their twins; of some it makes fewer. (Compared
    /// with one in memory, an address is loaded first: one instruction more, of no more work.)</summary>
    [SkippableFact]
    public async Task An_address_costs_no_instruction()
    {
        Skip.If(typeof(Gpa).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true },
            "The code of a Debug build is not optimised.");
        var code = await Disassemble();
        var names = Methods(typeof(TypedAddresses));
        Assert.Equal(names, Methods(typeof(NumberedAddresses)));
        foreach (var name in names)
        {
            var typed = code[$"{nameof(TypedAddresses)}:{name}"];
            var numbered = code[$"{nameof(NumberedAddresses)}:{name}"];
            Assert.True(typed.Length > 1 && typed.Length <= numbered.Length,
                $"{name}:\n{string.Join('\n', typed)}\n\nwith numbers:\n{string.Join('\n', numbered)}");
        }
    }

    private static string[] Methods(Type type) =>
        [.. type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly).Select(m => m.Name).Order()];

    /// <summary>Has another process compile both classes (<see cref="StartupHook"/>), and reads the code from what its JIT lists.</summary>
    private static async Task<Dictionary<string, string[]>> Disassemble()
    {
        var assembly = typeof(AddressTypeTests).Assembly.Location;
        var listing = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo("dotnet", ["exec", assembly]) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["DOTNET_STARTUP_HOOKS"] = assembly;
            start.Environment["DOTNET_JitDisasm"] = $"*.{nameof(TypedAddresses)}:* *.{nameof(NumberedAddresses)}:*";
            start.Environment["DOTNET_JitStdOutFile"] = listing;
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await error);
            return Parse(await File.ReadAllLinesAsync(listing));
        }
        finally
        {
            File.Delete(listing);
        }
    }

    /// <summary>The instructions of each method, without comments and labels.</summary>
    private static Dictionary<string, string[]> Parse(string[] lines)
    {
        var methods = new Dictionary<string, List<string>>();
        List<string>? current = null;
        foreach (var line in lines)
        {
            if (Header().Match(line) is { Success: true } header)
                methods[header.Groups[1].Value] = current = [];
            else if (current is not null && Instruction().IsMatch(line))
                current.Add(line.Trim());
        }
        return methods.ToDictionary(m => m.Key, m => m.Value.ToArray());
    }

    [GeneratedRegex(@"^; Assembly listing for method .*\.(\w+:\w+)[\[(]")]
    private static partial Regex Header();

    [GeneratedRegex(@"^\s+\S")]
    private static partial Regex Instruction();
}
