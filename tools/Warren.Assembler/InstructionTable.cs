namespace Warren.Asm;

/// <summary>
/// Every instruction by mnemonic. Encodings: the unprivileged specification's opcode listings (RV64G, B, C, Zicbo*, Zicond, Zawrs)
/// and the privileged one's (S, Svinval). One file a family.
/// </summary>
internal static partial class InstructionTable
{
    private static readonly Dictionary<string, InstructionForm> Forms = Build();

    public static IEnumerable<KeyValuePair<string, InstructionForm>> All => Forms;

    public static bool TryGet(string mnemonic, out InstructionForm form) => Forms.TryGetValue(mnemonic, out form);

    private static Dictionary<string, InstructionForm> Build()
    {
        var forms = new Dictionary<string, InstructionForm>(StringComparer.Ordinal);
        AddInteger(forms);
        AddAtomics(forms);
        AddSystem(forms);
        AddBits(forms);
        AddFloat(forms);
        AddCompressed(forms);
        return forms;
    }

    private static void Add(Dictionary<string, InstructionForm> forms, string mnemonic, uint match, params Slot[] slots) =>
        forms.Add(mnemonic, new InstructionForm(match, slots));

    private static uint Funct(uint opcode, uint funct3, uint funct7 = 0) => opcode | (funct3 << 12) | (funct7 << 25);
}
