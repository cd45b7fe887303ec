/** What a model takes, apart from what its head returns. */
export type Intake =
  | 'text'
  /** One picture. */
  | 'image'
  /** Several pictures in a row. */
  | 'video'
  /** A wave. */
  | 'audio'
  /** A spectrogram. */
  | 'spectrogram'
  /** Text and a picture that are both needed (CLIP). */
  | 'image-and-text'
  /** Text with pictures among it. */
  | 'text-with-images'
  /** Text with sounds among it. */
  | 'text-with-audio';

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** Model types by intake. Source: `main_input_name` and `forward` of the classes of transformers 5.24. */
const INTAKES: readonly (readonly [Intake, ReadonlySet<string>])[] = [
  [
    'image',
    words(
      `aimv2_vision_model altclip_vision_model beit bit chinese_clip_vision_model clip_vision_model conditional_detr
      convnext convnextv2 cvt d_fine dab-detr data2vec-vision deformable_detr deimv2 deit depth_anything depth_pro deta
      detr dinat dinov2 dinov2_with_registers dinov3_convnext dinov3_vit donut-swin dpt efficientformer efficientnet
      eomt focalnet glpn hgnet_v2 hiera ijepa internvl_vision levit lw_detr mask2former maskformer maskformer-swin
      metaclip_2_vision_model mlcd mlcd_vision_model mobilenet_v1 mobilenet_v2 mobilevit mobilevitv2 nat pixio pixtral poolformer pvt
      pvt_v2 regnet resnet rf_detr rt_detr rt_detr_v2 sam_vision_model segformer siglip_vision_model superpoint
      swiftformer swin swin2sr swinv2 table-transformer textnet timm_backbone timm_wrapper upernet van vit vit_hybrid
      vit_mae vit_msn vitdet vitmatte yolos zoedepth`,
    ),
  ],
  ['video', words('timesformer videomae vivit')],
  [
    'audio',
    words(
      'data2vec-audio hubert moonshine sew sew-d speecht5 unispeech unispeech-sat wav2vec2 wav2vec2-conformer wavlm',
    ),
  ],
  [
    'spectrogram',
    words(
      'audio-spectrogram-transformer lasr_ctc mctct parakeet_ctc parakeet_encoder speech_to_text wav2vec2-bert whisper',
    ),
  ],
  [
    'image-and-text',
    words(
      `align altclip blip bridgetower chinese_clip clip clipseg flava groupvit metaclip_2 owlv2 owlvit siglip siglip2
      vilt vision-text-dual-encoder`,
    ),
  ],
  // Their configurations have pictures in them, and they take text.
  ['text', words('canine imagegpt layoutlmv2 layoutlmv3 udop visual_bert')],
];

/** They take pictures, sound or text in a way of their own, or answer with something else than others of their suffix. */
export const UNLIKE = words(
  `aimv2 blip-2 blip_2_qformer canary clap cohere_asr decision_transformer diffusion_gemma edgetam edgetam_video
  granite_speech5_ctc instructblip instructblipvideo kosmos-2 kosmos-2.5 lxmert moonshine_streaming
  nemotron3_5_transcribe_word_timestamp nemotron3_diarization omdet-turbo omniasr omniasr_ctc pe_audio phi4_multimodal
  pix2struct sam sam2 sam2_video sam3 sam3_lite_text sam3_tracker sam3_tracker_video sam_hq tipsv2 vibevoice
  videoprism videoprism_vision_model vits xclip`,
);

/** What a type of model takes; for types that are in no list, by what its configuration has parts for. */
export function intakeOf(modelType: string, has: (key: string) => boolean): Intake | null {
  const listed = INTAKES.find(([, types]) => types.has(modelType));
  if (listed) return listed[0];
  if (UNLIKE.has(modelType)) return null;
  if (has('vision_config')) return 'text-with-images';
  if (has('audio_config')) return 'text-with-audio';
  return has('vocab_size') && !has('image_size') && !has('num_mel_bins') ? 'text' : null;
}

/** Model types whose tokenizers also give `token_type_ids`. */
export const SEGMENTED = words(
  `albert bert big_bird canine convbert deberta deberta-v2 electra ernie fnet funnel layoutlm luke megatron-bert mobilebert
  nezha rembert roformer squeezebert tapas vilt xlnet`,
);

/** Model types whose `forward` knows no `attention_mask`. */
export const UNMASKED = words('cpmant fnet xlstm');

/** Model types whose text comes with a box on the page for every token, which `forward` asks for or assumes. */
export const BOXED = words('bros layoutlm layoutlmv2 layoutlmv3 lilt udop');

/** Detectors of which one class more than labels is "no object", and those that have none. */
export const WITH_NO_OBJECT = words('detr mask2former maskformer oneformer table-transformer yolos');
export const WITHOUT_NO_OBJECT = words(
  'conditional_detr d_fine dab-detr deformable_detr deta lw_detr rt_detr rt_detr_v2',
);

/** Image models that return a row a patch. */
export const PATCHED = words(
  `aimv2_vision_model altclip_vision_model beit chinese_clip_vision_model clip_vision_model data2vec-vision deit dinov2
  dinov2_with_registers dinov3_vit donut-swin dpt ijepa mlcd mlcd_vision_model pixio siglip_vision_model swin vit vit_msn yolos`,
);
/** Image models that return feature maps: channels, height and width. */
export const MAPPED = words(
  `bit convnext convnextv2 cvt efficientnet mobilenet_v1 mobilenet_v2 mobilevit mobilevitv2 poolformer pvt_v2 regnet resnet
  segformer swiftformer textnet van vitdet`,
);
/** Models that return one vector for the whole without a layer of weights that would show it. */
export const POOLED = words(
  `aimv2_vision_model beit chinese_clip_vision_model clip_text_model clip_vision_model dinov2 dinov2_with_registers
  dinov3_vit donut-swin mlcd mlcd_vision_model pixio siglip_text_model siglip_vision_model swin yolos`,
);
