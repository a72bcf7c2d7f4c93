using System.Reflection;
using System.Runtime.CompilerServices;
using Warren.Hypervisor.Tests.Addresses;

/// <summary>
/// The runtime calls this by its name in the process that <see cref="AddressTypeTests"/> starts (DOTNET_STARTUP_HOOKS): it has the methods
/// compiled whose code is compared, and ends the process.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        foreach (var type in (Type[])[typeof(TypedAddresses), typeof(NumberedAddresses)])
        {
            foreach (var method in type.GetMethods(BindingFlags.Static | BindingFlags.Public))
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
        Environment.Exit(0);
    }
}
