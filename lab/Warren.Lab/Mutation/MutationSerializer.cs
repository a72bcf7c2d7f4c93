using System.Text.Json.Serialization;

namespace Warren.Lab.Mutation;

[JsonSourceGenerationOptions(UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TrialRequest))]
[JsonSerializable(typeof(TrialAnswer))]
[JsonSerializable(typeof(CoverageMap))]
[JsonSerializable(typeof(MemberResults))]
internal sealed partial class MutationSerializer : JsonSerializerContext;
